#version 450
#define EXPERTS 0
#define ROWS 4
#include "linear_chunks.glsl"
