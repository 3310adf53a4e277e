"""Many requests from a file through a proxy: resumable, paced, in provider batches where there are any.

- What a line asks for: :mod:`litellm_tiering.batch.asks`.
- What was answered already, on disk: :mod:`litellm_tiering.batch.journal`.
- One request to the proxy, tried again: :mod:`litellm_tiering.batch.proxy`; when, and how long to wait:
  :mod:`litellm_tiering.batch.pace`.
- Lines as calls: :mod:`litellm_tiering.batch.calls`; as provider batches:
  :mod:`litellm_tiering.batch.sorting` and :mod:`litellm_tiering.batch.parts`.
- All of it in order: :mod:`litellm_tiering.batch.run`.
"""
