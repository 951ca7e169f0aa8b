#version 450
#define READS_TEXELS 0
#include "mean_blocks.glsl"
