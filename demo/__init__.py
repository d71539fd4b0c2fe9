"""The demo: a merchant and a platform play Miyun's main job on generated data, checked against a plaintext join."""
