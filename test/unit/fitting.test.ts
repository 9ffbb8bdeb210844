// The weights of a mix: found where they were, near those of before where little says otherwise, and none where what is
// hot says nothing.
import { describe, expect, test } from "vitest";
import { uniform } from "../../shared/compute/draws.ts";
import { Histories } from "../../shared/events/histories.ts";
import { Vocabulary } from "../../shared/events/vocabulary.ts";
import { fitted, plain } from "../../shared/judging/fitting.ts";
import type { Timely } from "../../shared/judging/mixed.ts";
import { laid, type Mix } from "../../shared/ranking/mix.ts";
