#version 450
#define TILE_ROWS 64
#define OWN_ROWS 4
#define OWN_COLUMNS 4
#include "gemm_shared.glsl"
