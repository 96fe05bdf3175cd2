#include "sidecar/cli/command_line.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <optional>

#include "sidecar/cli/check.h"
#include "sidecar/cli/explain.h"
#include "sidecar/cli/healthcheck.h"
#include "sidecar/cli/version.h"
#include "sidecar/config/near_words.h"
#include "sidecar/config/schema.h"

namespace naru::cli {
namespace {

constexpr std::string_view kDefaultConfigPath = "/etc/naru/naru.yaml";
constexpr int kUsage = 2;

struct Options {
  std::string config_path;
  std::string format = "text";
  std::string log_level = "info";
  bool version = false;
  bool schema = false;
  bool resolve = false;
  bool reference = false;
  ExplainedCall call;
  std::string admin_url;

  Format output() const { return format == "json" ? Format::kJson : Format::kText; }
};

// The commands and their options; which of them was given is read after parsing.
class Commands {
 public:
  explicit Commands(Options& options) : options_(options) {
    app_.require_subcommand(1);
    AddRun();
    AddCheck();
    AddExplain();
    AddHealthcheck();
    AddVersion();
    // Everything behind it is taken, so that what is said is that the command is missing, not that an option
    // is.
    simulate_->allow_extras();
    simulate_->prefix_command();
    simulate_->group("");  // not listed until it is there
    // For the lists alone: RunCommandLine has made the usual words of both.
    help_->add_option("COMMAND", "the command to explain");
    app_.add_flag("--version", options_.version, "Print the version and exit");
  }

  static constexpr std::array<std::string_view, 7> kNames = {"run",     "check", "explain", "healthcheck",
                                                             "version", "help",  "simulate"};

  CLI::App& app() { return app_; }
  static bool Has(std::string_view name) {
    return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
  }

  int Carry(const Console& console) const {
    if (run_->parsed()) return console.run_sidecar(ConfigPath(console), options_.log_level);
    if (check_->parsed()) return RunCheck(console);
    if (explain_->parsed()) {
      return Explain(ConfigPath(console), options_.call, console.environment, options_.output(), console.out);
    }
    if (healthcheck_->parsed()) return RunHealthcheck(console);
    if (simulate_->parsed()) {
      console.err
          << "naru simulate is not supported yet; naru explain shows the policy that a call would meet\n";
      return kUsage;
    }
    console.out << (options_.output() == Format::kJson ? VersionJson() + "\n" : VersionText());
    return 0;
  }

 private:
  void AddConfig(CLI::App* command) {
    command->add_option("-c,--config", options_.config_path,
                        "configuration file; else $NARU_CONFIG, else /etc/naru/naru.yaml");
  }
  void AddFormat(CLI::App* command) {
    command->add_option("--format", options_.format, "text or json")->check(CLI::IsMember({"text", "json"}));
  }
  void AddRun() {
    AddConfig(run_);
    run_->add_option("--log-level", options_.log_level, "debug, info, warn or error")
        ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  }
  void AddCheck() {
    AddConfig(check_);
    AddFormat(check_);
    check_->add_flag("--resolve", options_.resolve,
                     "also look the services' hosts up, and warn where one still has a public address");
    check_->add_flag("--schema", options_.schema, "print the JSON Schema of the file instead");
    // For whoever builds the reference page; no user needs it.
    check_->add_flag("--reference", options_.reference)->group("");
  }
  void AddExplain() {
    AddConfig(explain_);
    AddFormat(explain_);
    explain_->add_option("METHOD", options_.call.method, "such as GET; or grpc")->required();
    explain_
        ->add_option("URL", options_.call.url,
                     "as the application calls it: http://HOST[:PORT]/path, or /path; of grpc also "
                     "SERVICE/PACKAGE.SERVICE/METHOD")
        ->required();
    explain_
        ->add_option("-H,--header", options_.call.headers,
                     "a header of the call, 'name: value'; may be repeated")
        ->allow_extra_args(false);
  }
  void AddHealthcheck() {
    AddConfig(healthcheck_);
    healthcheck_->add_option("--admin", options_.admin_url,
                             "admin port, as IP:PORT or http://IP:PORT; else that of the configuration");
  }
  void AddVersion() { AddFormat(version_); }

  std::string ConfigPath(const Console& console) const {
    if (!options_.config_path.empty()) return options_.config_path;
    const std::optional<std::string> variable = console.environment.Variable("NARU_CONFIG");
    return variable.has_value() && !variable->empty() ? *variable : std::string(kDefaultConfigPath);
  }

  int RunCheck(const Console& console) const {
    if (options_.schema) {
      console.out << config::SchemaJson() << "\n";
      return 0;
    }
    if (options_.reference) {
      console.out << config::ReferencePage();
      return 0;
    }
    return Check(ConfigPath(console), console.environment, options_.output(), console.out,
                 options_.resolve ? ResolveName(AskSystem) : ResolveName());
  }

  int RunHealthcheck(const Console& console) const {
    const AdminPort admin = options_.admin_url.empty() ? AdminPortOf(ConfigPath(console), console.environment)
                                                       : AdminPort{options_.admin_url, ""};
    return Healthcheck(admin, console.err);
  }

  Options& options_;
  CLI::App app_{"A sidecar for internal HTTP calls", "naru"};
  CLI::App* const run_ = app_.add_subcommand("run", "Run the sidecar");
  CLI::App* const check_ = app_.add_subcommand(
      "check",
      "Say everything that is wrong with a configuration, or which local port leads to which service");
  CLI::App* const explain_ =
      app_.add_subcommand("explain", "Say what would happen to a call, sending nothing");
  CLI::App* const healthcheck_ =
      app_.add_subcommand("healthcheck", "Exit with 0 if the running sidecar is ready");
  CLI::App* const version_ = app_.add_subcommand("version", "Print the version of naru and of its libraries");
  CLI::App* const help_ = app_.add_subcommand("help", "Print the help of a command");
  CLI::App* const simulate_ = app_.add_subcommand("simulate", "Not supported yet");
};

// `help`, `help COMMAND` and `--version` as the commands and options that do the same.
std::vector<std::string> InUsualWords(std::vector<std::string> arguments) {
  if (arguments.empty()) return arguments;
  if (arguments[0] == "--version") arguments[0] = "version";
  if (arguments[0] == "help") {
    if (arguments.size() == 1 || arguments[1] == "help") return {"--help"};
    if (!arguments[1].starts_with("-")) return {arguments[1], "--help"};
  }
  return arguments;
}

// The first that looks like a configuration file; empty: none does.
std::string FileAmong(const std::vector<std::string>& words) {
  const auto at = std::find_if(words.begin(), words.end(), [](const std::string& word) {
    return word.ends_with(".yaml") || word.ends_with(".yml");
  });
  return at == words.end() ? "" : *at;
}

}  // namespace

int RunCommandLine(const std::vector<std::string>& given, const Console& console) {
  const std::vector<std::string> arguments = InUsualWords(given);
  Options options;
  Commands commands(options);
  if (!arguments.empty() && !arguments[0].starts_with("-") && !Commands::Has(arguments[0])) {
    const std::string meant = config::DidYouMean(config::NearWords(arguments[0], Commands::kNames));
    console.err << "naru: there is no command \"" << arguments[0] << "\"" << (meant.empty() ? "" : "; ")
                << meant << "\nRun with --help for more information.\n";
    return kUsage;
  }
  try {
    commands.app().parse(
        std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // CLI11 wants them reversed
  } catch (const CLI::ExtrasError& error) {
    const std::string file = FileAmong(commands.app().remaining(true));
    if (file.empty()) return commands.app().exit(error, console.out, console.err), kUsage;
    console.err << "naru " << arguments[0] << ": the file is an option; write -c " << file << "\n";
    return kUsage;
  } catch (const CLI::ParseError& error) {
    const bool asked_for_help = commands.app().exit(error, console.out, console.err) == 0;
    return asked_for_help ? 0 : kUsage;
  }
  return commands.Carry(console);
}

}  // namespace naru::cli
