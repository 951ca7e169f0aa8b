#version 450
#define READS_TEXELS 1
#include "softmax_rows.glsl"
