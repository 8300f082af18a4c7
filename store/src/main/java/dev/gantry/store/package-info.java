package dev.gantry.store;
