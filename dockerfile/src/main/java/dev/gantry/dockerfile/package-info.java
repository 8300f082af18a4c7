/// The Dockerfile language and .dockerignore: text in, typed instructions and warnings out. Nothing
/// here reads a file or runs a program.
package dev.gantry.dockerfile;
