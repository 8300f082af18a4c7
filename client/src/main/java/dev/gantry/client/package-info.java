package dev.gantry.client;
