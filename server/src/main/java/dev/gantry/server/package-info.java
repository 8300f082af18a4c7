package dev.gantry.server;
