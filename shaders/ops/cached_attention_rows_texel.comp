#version 450
#define READS_TEXELS 1
#include "cached_attention_rows.glsl"
