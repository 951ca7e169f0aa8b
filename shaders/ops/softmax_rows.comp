#version 450
#define READS_TEXELS 0
#include "softmax_rows.glsl"
