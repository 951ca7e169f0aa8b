#version 450
#define READS_TEXELS 1
#include "mean_blocks.glsl"
