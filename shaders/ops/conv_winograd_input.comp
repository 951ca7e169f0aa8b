#version 450
#define READS_TEXELS 0
#include "conv_winograd_input.glsl"
