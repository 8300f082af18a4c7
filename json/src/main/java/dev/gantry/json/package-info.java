package dev.gantry.json;
