import { afterAll, afterEach } from "vitest";
import { failOnViolations } from "./contract-violations.ts";

afterEach(failOnViolations);
afterAll(failOnViolations);
