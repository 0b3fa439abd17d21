using System.CommandLine;
using System.CommandLine.Help;
using System.Text.Json;

namespace Stentor.Cli.CommandLine;

/// <summary>
/// Where options come from when they are not on the command line: <c>STENTOR_*</c> variables, then <c>stentor.json</c>. Each becomes the option it stands for
/// before the command line is read, so that one place checks values, whatever their source.
/// </summary>
internal sealed class Settings
{
    /// <summary>The prefix of variables.</summary>
    public const string Prefix = "STENTOR_";

    /// <summary>The variable that names another file than <see cref="FileName"/>.</summary>
    public const string FileVariable = Prefix + "CONFIG";

    /// <summary>The file, in the working directory.</summary>
    public const string FileName = "stentor.json";

    private const string WhereKnown = $"Each option has one, --rate-limits has {Prefix}RATE_LIMITS and the key 'rate-limits'; docs/cli.md and 'stentor COMMAND --help' list the options.";

    private readonly Dictionary<string, Setting> _settings = new(StringComparer.Ordinal);

    private Settings()
    {
    }

    /// <summary>Reads variables and file and checks that everything in them is known.</summary>
    /// <param name="root">The program: its commands' options are what is known.</param>
    /// <param name="around">Variables and directory.</param>
    /// <exception cref="CommandException">A variable or key is unknown, or the file is not what it should be.</exception>
    public static Settings Read(Command root, Surroundings around)
    {
        var known = OptionsBelow(root).DistinctBy(KeyOf).ToDictionary(KeyOf, StringComparer.Ordinal);
        var settings = new Settings();
        settings.ReadFile(known, around);
        settings.ReadVariables(known, around);
        return settings;
    }

    /// <summary>The arguments that stand for settings of <paramref name="command"/> which the command line does not give.</summary>
    /// <param name="command">The command that will run.</param>
    /// <param name="isGiven">Whether the command line gives an option.</param>
    /// <exception cref="CommandException">A value is not one that its option takes.</exception>
    public IReadOnlyList<string> ArgumentsFor(Command command, Func<Option, bool> isGiven)
    {
        var arguments = new List<string>();
        foreach (var option in command.Options.Where(option => option is not HelpOption && !isGiven(option)))
        {
            if (!_settings.TryGetValue(KeyOf(option), out var setting))
            {
                continue;
            }

            var own = setting.Values.Select(value => $"{option.Name}={value}").ToList();
            var alone = new Command("check") { option }.Parse(own, StentorProgram.Parsing);
            if (alone.Errors.Count > 0)
            {
                throw CommandException.Usage($"{setting.Source}: {alone.Errors[0].Message}");
            }

            arguments.AddRange(own);
        }

        return arguments;
    }

    /// <summary>The key of an option in the file: its name without dashes in front.</summary>
    /// <param name="option">The option.</param>
    public static string KeyOf(Option option) => option.Name.TrimStart('-');

    /// <summary>The variable of an option.</summary>
    /// <param name="key">Its key in the file.</param>
    public static string VariableOf(string key) => Prefix + key.Replace('-', '_').ToUpperInvariant();

    private static IEnumerable<Option> OptionsBelow(Command command) =>
        command.Subcommands.SelectMany(sub => sub.Options.Concat(OptionsBelow(sub))).Where(option => option is not HelpOption && !option.Hidden);

    private void ReadVariables(Dictionary<string, Option> known, Surroundings around)
    {
        var variables = known.Keys.ToDictionary(VariableOf, StringComparer.Ordinal);
        foreach (var (name, value) in around.Variables.Where(pair => pair.Key.StartsWith(Prefix, StringComparison.Ordinal) && pair.Key != FileVariable))
        {
            if (!variables.TryGetValue(name, out var key))
            {
                throw CommandException.Usage($"The variable {name} is unknown{Nearest.Suggestion(name, variables.Keys.Append(FileVariable), WhereKnown, Prefix)}");
            }

            // A variable has one value; where an option may be repeated, white space or commas part the values.
            var takesSeveral = known[key].Arity.MaximumNumberOfValues > 1;
            _settings[key] = new Setting(name, takesSeveral ? value.Split([' ', ',', '\t', '\n'], StringSplitOptions.RemoveEmptyEntries) : [value]);
        }
    }

    private void ReadFile(Dictionary<string, Option> known, Surroundings around)
    {
        var named = around.Variables.GetValueOrDefault(FileVariable);
        var path = around.PathOf(named ?? FileName);
        if (named is null && !File.Exists(path))
        {
            return;
        }

        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw CommandException.Usage($"{path} must hold a JSON object of options, like {{\"listen\": \"http://127.0.0.1:5050\"}}.");
            }

            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (!known.ContainsKey(property.Name))
                {
                    throw CommandException.Usage($"{path}: the key '{property.Name}' is unknown{Nearest.Suggestion(property.Name, known.Keys, WhereKnown)}");
                }

                _settings[property.Name] = new Setting($"{path}, key '{property.Name}'", ValuesOf(property, path));
            }
        }
        catch (JsonException e)
        {
            throw CommandException.Usage($"{path} is not JSON: {e.Message}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CommandException.Usage($"{path} cannot be read: {e.Message}");
        }
    }

    private static IReadOnlyList<string> ValuesOf(JsonProperty property, string path)
    {
        IEnumerable<JsonElement> values = property.Value.ValueKind == JsonValueKind.Array ? property.Value.EnumerateArray() : [property.Value];
        return [.. values.Select(value => value.ValueKind switch
        {
            JsonValueKind.String => value.GetString()!,
            JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => value.GetRawText(),
            _ => throw CommandException.Usage($"{path}: the value of '{property.Name}' must be a string, a number, true, false, or a list of these."),
        })];
    }

    private sealed record Setting(string Source, IReadOnlyList<string> Values);
}
