using System.CommandLine;
using System.CommandLine.Help;
using System.Globalization;
using System.Text;
using Stentor.Cli.CommandLine;
using Stentor.Cli.Tests.CommandLine;
using Stentor.Testing;

namespace Stentor.Cli.Tests.Docs;

/// <summary><c>docs/cli.md</c> says what the program's own help says.</summary>
public sealed class OptionTableTests
{
    private static readonly string Document = Repository.Read("docs/cli.md").ReplaceLineEndings("\n");

    public static TheoryData<string> Commands => [.. CommandLineTests.CommandPaths().Select(path => string.Join(' ', path))];

    [Theory]
    [MemberData(nameof(Commands))]
    public void The_section_of_a_command_has_its_usage_its_options_and_its_examples(string path)
    {
        var expected = Section(path);

        Assert.True(Document.Contains(expected, StringComparison.Ordinal), $"docs/cli.md should have this section (./test.sh Cli -- -explicit only writes it):\n\n{expected}");
    }

    [Fact(Explicit = true)]
    public void Write_the_sections()
    {
        var introduction = Document.Split("\n## `stentor ")[0];

        File.WriteAllText(Path.Combine(Repository.Root, "docs/cli.md"), $"{introduction}\n{string.Join('\n', Commands.Select(row => Section(row.Data)))}");
    }

    [Fact]
    public void No_command_is_described_that_is_not_there()
    {
        var described = Document.Split('\n').Where(line => line.StartsWith("## `stentor ", StringComparison.Ordinal)).Select(line => line["## `stentor ".Length..^1]);

        Assert.Equal(Commands.Select(row => row.Data), described);
    }

    /// <summary>What a command's section says.</summary>
    private static string Section(string path)
    {
        var command = path.Split(' ').Aggregate((Command)StentorProgram.Commands(new CommandRun().Around), (parent, name) => parent.Subcommands.First(sub => sub.Name == name));
        var options = command.Options.Where(option => option is not HelpOption && !option.Hidden).ToList();
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"## `stentor {path}`\n\n{command.Description}\n\n");
        if (command.Arguments.Count + options.Count > 0)
        {
            text.Append("| | default | |\n|---|---|---|\n");
            foreach (var argument in command.Arguments)
            {
                text.Append(CultureInfo.InvariantCulture, $"| `{argument.Name}` | | {Cell(argument.Description)} |\n");
            }

            foreach (var option in options)
            {
                var value = option.HelpName is null ? "" : $" {option.HelpName}";
                var initial = option.ValueType != typeof(bool) && option.HasDefaultValue && DefaultOf(option) is { Length: > 0 } written ? $"`{written}` " : "";
                text.Append(CultureInfo.InvariantCulture, $"| `{option.Name}{Cell(value)}` | {initial}| {Cell(option.Description)} |\n");
            }

            text.Append('\n');
        }

        return text.Append("```sh\n").AppendJoin('\n', ((ExampleCommand)command).Examples).Append("\n```\n").ToString();
    }

    private static string DefaultOf(Option option) => option.GetDefaultValue() switch
    {
        null => "",
        System.Collections.IEnumerable list and not string => string.Join(' ', list.Cast<object>()),
        var value => string.Create(CultureInfo.InvariantCulture, $"{value}"),
    };

    private static string Cell(string? text) => (text ?? "").Replace("|", "\\|", StringComparison.Ordinal);
}
