# PkgConfig::GRPC: gRPC without TLS (what is spoken to is private and in the clear, and it is the smaller one by half), and
# Abseil behind it, from their archives where NARU_STATIC_GRPC says so.
#
# Shared, they are forty libraries, whose symbols the loader looks up at every start: milliseconds, and megabytes that
# every sidecar of a host pays. c-ares, zlib and OpenSSL stay shared: they are few, and read what strangers send, so that
# their fixes should come with the system's.
#
# Either everything of gRPC and Abseil comes from archives or nothing does: with two copies of Abseil in one process
# every one of its globals exists twice. Under sanitizers nothing does: tests/tsan_suppressions.txt names the libraries.

set(static_by_default OFF)
if(CMAKE_BUILD_TYPE MATCHES "^(Release|RelWithDebInfo|MinSizeRel)$" AND NOT NARU_SANITIZE)
  set(static_by_default ON)
endif()
option(NARU_STATIC_GRPC "link gRPC and Abseil from their archives, where these are installed" ${static_by_default})

find_package(PkgConfig REQUIRED)
find_package(absl REQUIRED)
pkg_check_modules(GRPC REQUIRED IMPORTED_TARGET grpc++_unsecure>=1.51)

# Sets `archives` to what a static link consists of, each before those that it needs, and `missing` to the names that have
# no archive. The pkg-config files of gRPC forget some.
function(naru_find_grpc_archives)
  set(found)
  set(lacking)
  set(of_the_system atomic rt dl m pthread)
  foreach(name ${GRPC_STATIC_LIBRARIES} upb address_sorting)
    if(name IN_LIST of_the_system)
      continue()
    endif()
    find_library(NARU_ARCHIVE_${name} lib${name}.a HINTS ${GRPC_LIBRARY_DIRS})
    mark_as_advanced(NARU_ARCHIVE_${name})
    if(NARU_ARCHIVE_${name})
      list(APPEND found ${NARU_ARCHIVE_${name}})
    else()
      list(APPEND lacking ${name})
    endif()
  endforeach()
  list(REMOVE_DUPLICATES lacking)
  set(archives ${found} -lcares -lz PARENT_SCOPE)
  set(missing ${lacking} PARENT_SCOPE)
endfunction()

# Makes the imported targets of Abseil mean their archives. What links them is linked as before.
function(naru_use_archives_of_abseil)
  get_property(targets DIRECTORY PROPERTY IMPORTED_TARGETS)
  list(FILTER targets INCLUDE REGEX "^absl::")
  foreach(target ${targets})
    get_target_property(type ${target} TYPE)
    if(NOT type STREQUAL "SHARED_LIBRARY")
      continue()
    endif()
    get_target_property(configurations ${target} IMPORTED_CONFIGURATIONS)
    foreach(configuration ${configurations})
      get_target_property(shared ${target} IMPORTED_LOCATION_${configuration})
      string(REGEX REPLACE "[.]so[.0-9]*$" ".a" archive ${shared})
      if(NOT EXISTS ${archive})
        message(FATAL_ERROR "${archive} is missing, others of Abseil are not: configure with -DNARU_STATIC_GRPC=OFF")
      endif()
      set_target_properties(${target} PROPERTIES IMPORTED_LOCATION_${configuration} ${archive})
    endforeach()
  endforeach()
endfunction()

if(NARU_STATIC_GRPC)
  naru_find_grpc_archives()
  if(NOT missing)
    include(CheckCXXSourceCompiles)
    set(CMAKE_REQUIRED_LIBRARIES ${archives} Threads::Threads)
    check_cxx_source_compiles("#include <grpcpp/create_channel.h>
      int main() { return grpc::CreateChannel(\"ipv4:127.0.0.1:1\", grpc::InsecureChannelCredentials()) == nullptr; }"
      NARU_STATIC_GRPC_LINKS)
    unset(CMAKE_REQUIRED_LIBRARIES)
  endif()
endif()

if(NARU_STATIC_GRPC AND NARU_STATIC_GRPC_LINKS)
  message(STATUS "gRPC and Abseil: from their archives")
  set_target_properties(PkgConfig::GRPC PROPERTIES INTERFACE_LINK_LIBRARIES "${archives};Threads::Threads")
  naru_use_archives_of_abseil()
  # Newer ones need Abseil as well.
  find_library(NARU_ARCHIVE_protobuf libprotobuf-lite.a)
  mark_as_advanced(NARU_ARCHIVE_protobuf)
  if(NARU_ARCHIVE_protobuf)
    set(Protobuf_USE_STATIC_LIBS ON)
  endif()
elseif(NARU_STATIC_GRPC)
  message(STATUS "gRPC and Abseil: shared, because their archives do not link; missing: ${missing}")
endif()
