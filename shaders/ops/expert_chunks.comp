#version 450
#define EXPERTS 1
#define ROWS 1
#include "linear_chunks.glsl"
