/// Builds images from Dockerfiles: stages side by side, each instruction carried out on the layers
/// of the one before, RUN as a container of the engine, layers found again by what they are made
/// from.
package dev.gantry.build;
