#version 450
#define READS_TEXELS 0
#define TILE_ROWS 16
#define TILE_VECTORS 7
#include "conv_winograd_product.glsl"
