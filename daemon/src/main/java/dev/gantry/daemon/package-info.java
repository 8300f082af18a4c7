package dev.gantry.daemon;
