#version 450
#define SHARES_ROWS 1
#include "conv_tile.glsl"
