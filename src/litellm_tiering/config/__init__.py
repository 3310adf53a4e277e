"""The owner's configuration: read, judged with every problem at once, and built into settings.

Begin with :func:`litellm_tiering.config.load.load` and :func:`litellm_tiering.config.build.build`.
"""
