package dev.gantry.images;
