#version 450
#define TILE_ROWS 8
#include "gemm.glsl"
