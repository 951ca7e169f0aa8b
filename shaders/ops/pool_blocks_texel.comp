#version 450
#define READS_TEXELS 1
#include "pool_blocks.glsl"
