package dev.gantry.api;
