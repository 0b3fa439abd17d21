using System.Reflection;
using System.Text.RegularExpressions;
using Stentor.Replication;
using Stentor.Testing;

namespace Stentor.Cli.Tests.Docs;

/// <summary><c>docs/operating/README.md</c> says what to do about every end of a link.</summary>
public sealed partial class LinkEndTableTests
{
    [Fact]
    public void Every_type_of_end_is_in_the_table_for_operators()
    {
        var types = typeof(LinkEndType).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (string)field.GetRawConstantValue()!); // All are texts.
        var section = Repository.Read("docs/operating/README.md").Split("### Why links end")[1].Split("\n## ")[0];

        Assert.Equal(types.Order(StringComparer.Ordinal), Row().Matches(section).Select(row => row.Groups["type"].Value).Order(StringComparer.Ordinal));
    }

    [GeneratedRegex("^\\| `(?<type>[a-z-]+)` \\|", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 1_000)]
    private static partial Regex Row();
}
