// Two functions for Node: begin() sends file descriptor 2 into a file in memory, end() puts it back and returns what
// came. TensorFlow writes to descriptor 2 from the static initialisers of its library, before any log level counts.
#include <node_api.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

static int saved = -1;
static int file = -1;

static napi_value Begin(napi_env env, napi_callback_info) {
  if (saved < 0) {
    file = memfd_create("stderr", MFD_CLOEXEC);
    if (file >= 0) {
      saved = dup(2);
      dup2(file, 2);
    }
  }
  return nullptr;
}

static napi_value End(napi_env env, napi_callback_info) {
  std::string text;
  if (saved >= 0) {
    dup2(saved, 2);
    close(saved);
    saved = -1;
    lseek(file, 0, SEEK_SET);
    char block[4096];
    ssize_t count;
    while ((count = read(file, block, sizeof block)) > 0) text.append(block, count);
    close(file);
  }
  napi_value result;
  napi_create_string_utf8(env, text.data(), text.size(), &result);
  return result;
}

static napi_value Init(napi_env env, napi_value exports) {
  napi_value function;
  napi_create_function(env, "begin", NAPI_AUTO_LENGTH, Begin, nullptr, &function);
  napi_set_named_property(env, exports, "begin", function);
  napi_create_function(env, "end", NAPI_AUTO_LENGTH, End, nullptr, &function);
  napi_set_named_property(env, exports, "end", function);
  return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, Init)
