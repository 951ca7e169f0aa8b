#version 450
#define READS_TEXELS 0
#include "pack_matrix.glsl"
