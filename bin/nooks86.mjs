#!/usr/bin/env node
import '../dist/nooks86.js';
