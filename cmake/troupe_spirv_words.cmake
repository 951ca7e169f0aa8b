# cmake -DIN=FILE.spv -DOUT=FILE.inc -P troupe_spirv_words.cmake: the words of a SPIR-V module (assembled on this machine, so
# in its byte order; all that Troupe builds on are little-endian) as the initialiser of a C array, as `glslc -mfmt=c` writes it.
file(READ ${IN} bytes HEX)
string(REGEX REPLACE "(..)(..)(..)(..)" "0x\\4\\3\\2\\1," words "${bytes}")
string(REGEX REPLACE "(0x........,0x........,0x........,0x........,)" "\\1\n" words "${words}")
file(WRITE ${OUT} "{${words}}\n")
