#version 450
#define SHARES_ROWS 0
#include "conv_tile.glsl"
