#version 450
#define EXPERTS 0
#define ROWS 1
#define READS_TEXELS 0
#include "linear_packed.glsl"
