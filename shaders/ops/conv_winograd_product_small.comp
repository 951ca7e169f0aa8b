#version 450
#define READS_TEXELS 0
#define TILE_ROWS 32
#define TILE_VECTORS 2
#include "conv_winograd_product.glsl"
