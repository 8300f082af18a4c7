package dev.gantry.kernel;
