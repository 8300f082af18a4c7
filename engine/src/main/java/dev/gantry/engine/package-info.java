package dev.gantry.engine;
