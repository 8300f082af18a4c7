package dev.gantry.runtime;
