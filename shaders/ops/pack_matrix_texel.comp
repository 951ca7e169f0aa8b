#version 450
#define READS_TEXELS 1
#include "pack_matrix.glsl"
