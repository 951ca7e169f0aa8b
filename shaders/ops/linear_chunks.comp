#version 450
#define ROWS 1
#include "linear_chunks.glsl"
