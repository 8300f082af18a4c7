package dev.gantry.cli;
