{
  "targets": [
    {
      "target_name": "cloudreve_fuse",
      "sources": [
        "src/addon.cc",
        "src/arguments.cc",
        "src/channel.cc",
        "src/device.cc",
        "src/errors.cc",
        "src/mount.cc",
        "src/notifier.cc",
        "src/slots.cc"
      ],
      "defines": ["NAPI_VERSION=9"],
      "cflags_cc": ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"]
    }
  ]
}
