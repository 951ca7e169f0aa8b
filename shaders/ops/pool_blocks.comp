#version 450
#define READS_TEXELS 0
#include "pool_blocks.glsl"
