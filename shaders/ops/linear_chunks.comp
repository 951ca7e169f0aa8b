#version 450
#define EXPERTS 0
#define ROWS 1
#include "linear_chunks.glsl"
