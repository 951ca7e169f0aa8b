#version 450
#define READS_TEXELS 0
#define TILE_ROWS 16
#define TILE_VECTORS 4
#include "conv_blocks.glsl"
