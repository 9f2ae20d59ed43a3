// SPDX-License-Identifier: Apache-2.0
// The program of the containers that are measured: static, and it does nothing.
int main() { return 0; }
