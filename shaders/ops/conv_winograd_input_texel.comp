#version 450
#define READS_TEXELS 1
#include "conv_winograd_input.glsl"
