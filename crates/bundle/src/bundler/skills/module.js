// A source of skills as the SDK's registry reads it: what is small is listed, the rest is loaded by name.
const found = (name) => skills.find((skill) => skill.name === name);

const withoutContent = ({ content, ...resource }) => resource;

const source = {
  id,
  fingerprint,
  async list() {
    return skills.map(({ body, rawContent, resources, ...summary }) => summary);
  },
  async load(name) {
    const skill = found(name);
    return skill ? { ...skill, resources: skill.resources.map(withoutContent) } : null;
  },
  async readResource(name, path) {
    const resource = found(name)?.resources.find((one) => one.path === path);
    return resource ? { ...resource } : null;
  },
};

export { source as default };
