#version 450
#define READS_TEXELS 0
#include "cached_attention_rows.glsl"
