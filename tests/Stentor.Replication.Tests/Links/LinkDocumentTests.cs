using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Stentor.Testing;
using Xunit;

namespace Stentor.Replication.Tests;

/// <summary>docs/protocol/links.md says what the code does.</summary>
public sealed partial class LinkDocumentTests
{
    private static readonly string Document = File.ReadAllText(Path.Combine(Repository.Root, "docs", "protocol", "links.md"));

    [Fact]
    public void Every_reason_for_which_a_link_ends_is_in_the_table_in_the_words_of_the_code()
    {
        var words = XDocument.Load(Path.ChangeExtension(typeof(LinkEndType).Assembly.Location, ".xml")).Descendants("member").ToDictionary(member => (string)member.Attribute("name")!, member => member.Element("summary")?.Value);
        var expected = typeof(LinkEndType).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => $"| `{field.GetRawConstantValue()}` | {words[$"F:{typeof(LinkEndType).FullName}.{field.Name}"]} |");

        Assert.Contains("| type | why |\n|---|---|\n" + string.Join('\n', expected) + "\n\n", Document, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_kind_of_message_is_in_the_table()
    {
        var kinds = typeof(LinkCodec).GetNestedType("Kind", BindingFlags.NonPublic)!;
        var expected = Enum.GetValues(kinds).Cast<object>().Select(kind => (Number: ((byte)kind).ToString(), Name: kind.ToString()!.ToLowerInvariant()));

        Assert.Equal(expected, KindRow().Matches(Document).Select(match => (match.Groups["number"].Value, match.Groups["name"].Value)));
    }

    [GeneratedRegex(@"^\| (?<number>[0-9]+) \| (?<name>[a-z]+) \|", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex KindRow();
}
