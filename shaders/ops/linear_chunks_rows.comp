#version 450
#define ROWS 4
#include "linear_chunks.glsl"
