#version 450
#define EXPERTS 0
#define ROWS 16
#define READS_TEXELS 0
#include "linear_packed.glsl"
